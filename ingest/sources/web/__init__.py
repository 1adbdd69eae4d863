"""A web site → its pages: found by sitemap and links, fetched politely, from public addresses only.

Law: what a site says (names, redirects, sizes, encodings) is never trusted; robots.txt is obeyed (RFC 9309).
"""
