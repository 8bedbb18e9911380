"""What happens to a payment, as pure decisions: rows as values, the rules of money over them, what the till is told.

Source: SAFETY.md sections 1 and 2. Time is an argument; nothing here reads, writes, sends or logs.
"""
