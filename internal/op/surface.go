package op

import (
	"net"
	"net/http"
	"reflect"
	"strings"
)

// Base is the path below which operations are found over HTTP.
const Base = "/api/v1"

// Offered reports whether surfaces show the operation. Work of the machine
// they do not.
func (o *Op[In, Out]) Offered() bool { return o.schema != nil }

// Offered returns the operations that surfaces show, in the order given.
func Offered(list []Operation) []Operation {
	var out []Operation
	for _, o := range list {
		if o.Offered() {
			out = append(out, o)
		}
	}
	return out
}

// Split cuts an operation's name into noun and verb.
func Split(o Operation) (noun, verb string) { return split(o.Name()) }

// Route is where an operation is found over HTTP. The path of one that is
// about a single record has {id} in it.
type Route struct{ Method, Path string }

// RouteOf derives the route from the name alone and from whether the input has
// an id. Where there is only one of a thing and so no id, its place is current.
func RouteOf(o Operation) Route {
	noun, verb := split(o.Name())
	all := Base + "/" + noun
	addressed := o.Schema().Properties["id"] != nil
	one := all + "/current"
	if addressed {
		one = all + "/{id}"
	}
	switch verb {
	case "list":
		return Route{http.MethodGet, all}
	case "create":
		return Route{http.MethodPost, all}
	case "get":
		return Route{http.MethodGet, one}
	case "update":
		return Route{http.MethodPatch, one}
	case "remove":
		return Route{http.MethodDelete, one}
	}
	method, path := http.MethodGet, all+"/"+verb
	if o.Writes() {
		method = http.MethodPost
	}
	if addressed {
		path = one + "/" + verb
	}
	return Route{method, path}
}

// Addressed reports whether the path has {id} in it.
func (r Route) Addressed() bool { return strings.Contains(r.Path, "{id}") }

// InQuery reports whether the input travels as query parameters rather than as
// a JSON body.
func (r Route) InQuery() bool { return r.Method == http.MethodGet || r.Method == http.MethodDelete }

// PageItem returns the type of the items if out is a Page.
func PageItem(out reflect.Type) (item reflect.Type, ok bool) {
	if out.PkgPath() != reflect.TypeFor[None]().PkgPath() || !strings.HasPrefix(out.Name(), "Page[") {
		return nil, false
	}
	f, _ := out.FieldByName("Items")
	return f.Type.Elem(), true
}

// Address is the address of the network that a request came from.
func Address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
