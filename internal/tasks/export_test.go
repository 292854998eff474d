package tasks

// The statement behind the list of tasks, for the test of its plan.
const SelectIn = selectIn
