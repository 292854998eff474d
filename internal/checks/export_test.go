package checks

// Planned are the statements whose plans a test looks at.
var Planned = map[string]string{"findings": selectFindings, "count findings": countFindings, "happened": selectHappened, "count happened": countHappened}
