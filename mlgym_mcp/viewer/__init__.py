"""The viewer: what goes on in a data folder, as pages for people, live or long after.

A page is added in three steps:

1. Write a function that takes a `Visit` (who looks, the records as they are now, the catalogue, what address and query
   say) and returns a `Content` (a template's name, a title and what the template is given), a `Download`, or
   `Elsewhere`. It runs in a thread, so it may take its time; what it can't show it refuses by raising `NotHere` with a
   sentence.
2. Write its template in `templates/`: it extends `layout.html.j2` and fills the block `main` (and `head` beside the
   title, if need be). `templates/parts.html.j2` has macros for tables that scroll, badges of states and the like;
   everything is escaped, and the filters `shown` (text of others, control characters named), `number`, `moment`,
   `duration`, `count` and `size` are there. No inline scripts or styles: the pages' policy refuses them.
3. Give `Viewer` a `Page`: its path with `{parameters}`, the function, its `name` if navigation is to lead to it, and
   the scope that looking takes. Pages of this package stand in `pages.py`; others are given by whoever makes a
   `Viewer`.

Sessions are named in addresses by `public_id`, never by their handle; `visit.session(name)` finds one that the visitor
may see, and `visit.sees(row)` says whether a row is one. Text that came from a session passes `visit.hidden(row, text)`
(or stands in an `export` document), so that no handle is told.
"""
