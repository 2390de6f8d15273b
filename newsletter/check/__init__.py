"""An email, as it will be sent → findings that point at the line to mend.

`mail` is what rules look at; `rule` keeps the registry; the files named after a subject (`pictures`, `links`, `text`,
`subjects`, `rendering`, `delivery`) hold the rules; `checker` runs them over a series, silences what an author
silenced (`silence`) and takes away what the bare house style brings (`clients`). `report` and `sarif` write it down.
"""
