"""`newsletter inbox`: an SMTP server that keeps what it gets, and a web page that shows it. Nothing leaves the machine."""
