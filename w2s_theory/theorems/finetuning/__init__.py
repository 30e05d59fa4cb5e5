"""Exact laws of students that are tuned on weak labels in a world of concepts: naively, held at their source, or within a hull."""
