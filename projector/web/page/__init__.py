"""What all pages have in common: what a request asks for, how a template is filled, how a page is answered."""
