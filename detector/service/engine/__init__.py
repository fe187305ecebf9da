"""Scores many files at the same time: killable decoders, and the models in batches.

wire      what a decoder may say, and how it is checked
decoder   the process that touches the content of files, and may do little else
sandbox   its other end: restarts it, and takes nothing that it says on trust
batching  faces of many files in one pass of the models
engine    a file in; its answer out
exhibits  the pictures that a reviewer is shown
"""
