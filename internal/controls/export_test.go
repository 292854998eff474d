package controls

// SelectStamp is for the test that reads its plan.
const SelectStamp = selectStamp
