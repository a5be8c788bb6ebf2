"""What is found, in words that people read: times, reasons, the text that stands for a picture."""
