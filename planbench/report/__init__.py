"""Tables and the HTML report; knows records, not workers."""
