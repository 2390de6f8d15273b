"""`newsletter doctor`: looks at everything a campaign needs and says how to mend what is wrong."""
