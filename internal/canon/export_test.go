package canon

// ScanLeafOnly is what ScanLeaf tries first.
var ScanLeafOnly = scanLeaf
