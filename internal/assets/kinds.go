package assets

import "slices"

// A Kind is a kind of resource that is something an organization has, and what
// type of asset it is.
type Kind struct{ Kind, Type string }

// Kinds are the resources that the register should know. Whatever lies on one
// of them, such as an account or a file, is not an asset of its own, nor is what
// only happened, such as a run of a workflow.
var Kinds = []Kind{
	{"database", "database"},
	{"database_server", "database"},
	{"directory_server", "compute"},
	{"domain", "network"},
	{"endpoint", "network"},
	{"forge_repository", "repository"},
	{"machine", "compute"},
	{"mail_domain", "network"},
	{"monitoring_server", "compute"},
	{"monitoring_target", "compute"},
	{"repository", "repository"},
}

// TypeOf is the type of asset that a kind of resource is; empty if it is none.
func TypeOf(kind string) string {
	if i := slices.IndexFunc(Kinds, func(k Kind) bool { return k.Kind == kind }); i >= 0 {
		return Kinds[i].Type
	}
	return ""
}
