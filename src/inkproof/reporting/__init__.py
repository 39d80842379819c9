"""What people read: figures, tables and the page, made from the files that the other stages wrote."""
