"""One module per page of the window. A page shows a view state and emits intents."""
