"""`newsletter preview`: authors see in the browser exactly what will be mailed, while they write."""
