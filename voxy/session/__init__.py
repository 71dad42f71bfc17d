"""One viewer: what it has, what it may do, what it gets next. Sans-I/O: `now` is passed in."""
