"""PDF: what stands where on its pages, in the order a person reads it. ``document`` first.

Law: only ``document`` knows PDFium; the others are geometry.
"""
