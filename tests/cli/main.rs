//! The command line from outside: no root, no kernel.
