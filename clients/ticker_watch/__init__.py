"""`ticker watch`: a picture on a terminal, JSON lines or CSV anywhere else.

`command` chooses between the two; `live` is the picture, `lines` the rest. What is shown is kept by `board` and
`focus`, what is looked at by `view`; `table`, `ladder` and `facts` paint it as lines of words and styles, and know no
terminal.
"""
