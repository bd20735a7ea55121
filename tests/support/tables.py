"""Small published tables, as files hold them."""

SYMMETRIC = """,farm,mill,households,exports,imports,total output
farm,10,20,60,20,-10,100
mill,30,5,20,---,-5,50
wages,30,15,,,,
other value added,30,10,,,,
total inputs,100,50,,,,
"""
MAKE = """products,farm,mill,imports,total supply
corn,90,0,5,95
flour,10,40,5,55
"""
USE = """products,farm,mill,total intermediate,households,exports,total use
corn,10,35,45,30,20,95
flour,20,5,25,30,0,55
compensation of employees,50,-,50,,,
operating surplus,20,0,20,,,
"""
