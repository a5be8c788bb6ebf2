"""How the service is: for whoever restarts it, sends it traffic, or draws its figures."""

from http import HTTPStatus

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse

from workers.metrics import CONTENT_TYPE
from workers.web.answers import answer, problem, told_problems, told_stream
from workers.web.bodies import HealthBody
from workers.web.desk import AtDesk

router = APIRouter(tags=["health"])


@router.get("/healthz", response_model=HealthBody)
async def live() -> Response:
    """Say that the process lives; nothing else is asked."""
    return answer(HealthBody(status="ok"))


@router.get("/readyz", response_model=HealthBody, responses=told_problems(503))
def ready(desk: AtDesk) -> Response:
    """Say whether what answering takes is there: database, its migrations, artifacts."""
    away = desk.readiness.ask()
    if not away:
        return answer(HealthBody(status="ok"))
    detail = f"away: {', '.join(away)}"
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, more={"away": list(away)})


@router.get(
    "/metrics",
    response_class=PlainTextResponse,
    responses=told_stream("Figures as Prometheus reads them.", ["text/plain"]),
)
def metrics(desk: AtDesk) -> Response:
    """Return the figures of this process, and those of the queue."""
    return Response(desk.meters.render(), media_type=CONTENT_TYPE)
