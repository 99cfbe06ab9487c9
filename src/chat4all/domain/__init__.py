"""The words of Chat4All: values, states, rules and errors. Standard library only."""
