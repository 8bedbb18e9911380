"""First run: binding the till to a store, and the checks that say whether it can sell."""
