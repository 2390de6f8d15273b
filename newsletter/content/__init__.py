"""Files → a Series of Pages: front matter, repair of messy HTML, recognition of what a page is made of, order.

The way of one page, file by file: `decoding` → `front_matter` → `fields` → `shortcodes` → `slots` → `markdown` →
`markup` → `next_link`, `footer`, `hero` → `repair`; `page_file` tells that story. `order` puts pages in reading
order, and `reader` alone touches the disk.
"""
