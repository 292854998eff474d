package scrub

const (
	watchLogs        = "SELECT id, origin, epoch, demo, created FROM ledger_log WHERE org_id = ?"
	watchCheckpoints = "SELECT log_id, size, note, signed FROM ledger_checkpoint WHERE org_id = ?"
)

// What the log has besides its entries is made by the machinery: it may come,
// and does not change.
var _ = Observe(
	Watch{Table: "ledger_log", Query: watchLogs, Key: 1, Fixed: true},
	Watch{Table: "ledger_checkpoint", Query: watchCheckpoints, Key: 2, Fixed: true},
)
