package dns

import (
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
)

// tags reads "a=b; c=d". It says which came first, and whether one came twice
// or could not be read.
func tags(text string) (list map[string]string, order []string, ok bool) {
	list, ok = map[string]string{}, true
	for part := range strings.SplitSeq(text, ";") {
		if strings.TrimSpace(part) == "" {
			continue
		}
		name, value, found := strings.Cut(part, "=")
		name = strings.ToLower(strings.TrimSpace(name))
		if _, twice := list[name]; !found || name == "" || twice {
			ok = false
			continue
		}
		list[name] = strings.TrimSpace(value)
		order = append(order, name)
	}
	return list, order, ok
}

// A dmarcRecord is what one says. Policies are empty if they were not given.
type dmarcRecord struct {
	policy, sub, none     string
	percent               int
	reports               []string
	strictDKIM, strictSPF bool
	problem               string
}

var policies = []string{"none", "quarantine", "reject"}

func parseDMARC(text string) dmarcRecord {
	list, order, ok := tags(text)
	r := dmarcRecord{percent: 100, reports: []string{}, strictDKIM: strings.EqualFold(list["adkim"], "s"), strictSPF: strings.EqualFold(list["aspf"], "s")}
	if !ok {
		r.problem = "a part of it is not of the form name=value, or comes twice"
	}
	if len(order) == 0 || order[0] != "v" || list["v"] != "DMARC1" {
		r.problem = "it does not begin with v=DMARC1"
		return r
	}
	for _, x := range []struct {
		tag string
		to  *string
	}{{"p", &r.policy}, {"sp", &r.sub}, {"np", &r.none}} {
		value, given := list[x.tag]
		if value = strings.ToLower(value); slices.Contains(policies, value) {
			*x.to = value
		} else if given {
			r.problem = x.tag + " is none of none, quarantine and reject"
		}
	}
	for uri := range strings.SplitSeq(list["rua"], ",") {
		if uri = strings.TrimSpace(uri); uri == "" {
			continue
		}
		if !strings.HasPrefix(strings.ToLower(uri), "mailto:") || !strings.Contains(uri, "@") {
			r.problem = "rua names something that is no mailto address"
			continue
		}
		if len(r.reports) < 50 {
			r.reports = append(r.reports, uri)
		}
	}
	if r.policy == "" && r.problem == "" {
		r.problem = "it has no policy p"
	}
	if pct, given := list["pct"]; given {
		n, err := strconv.Atoi(pct)
		if err != nil || n < 0 || n > 100 {
			r.problem = "pct is no number from 0 to 100"
		} else {
			r.percent = n
		}
	}
	if strings.EqualFold(list["t"], "y") { // RFC 9989 has it instead of pct
		r.percent = 0
	}
	return r
}

// A dkimKey is what a record of a selector says.
type dkimKey struct {
	kind             string
	bits             int
	revoked, testing bool
	problem          string
}

func parseDKIM(text string) dkimKey {
	list, order, ok := tags(text)
	k := dkimKey{}
	v, versioned := list["v"]
	data, given := list["p"]
	for flag := range strings.SplitSeq(list["t"], ":") {
		if strings.EqualFold(strings.TrimSpace(flag), "y") {
			k.testing = true
		}
	}
	switch {
	case versioned && (v != "DKIM1" || order[0] != "v"):
		k.problem = "its version is not DKIM1"
		return k
	case !ok:
		k.problem = "a part of it is not of the form name=value, or comes twice"
		return k
	case !given:
		k.problem = "it has no key p"
		return k
	case data == "":
		k.revoked = true
		return k
	}
	der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(data), ""))
	if err != nil {
		k.problem = "its key is not base64"
		return k
	}
	switch kind := strings.ToLower(list["k"]); kind {
	case "", "rsa":
		key := rsaKey(der)
		if key == nil {
			k.problem = "its key is no RSA key"
			return k
		}
		k.kind, k.bits = "RSA", key.N.BitLen()
	case "ed25519":
		if len(der) != ed25519.PublicKeySize {
			k.problem = "its key is no Ed25519 key"
			return k
		}
		k.kind, k.bits = "Ed25519", 256
	default:
		k.problem = "its key is of kind " + clip(kind, 50) + ", which no receiver knows"
	}
	return k
}

func rsaKey(der []byte) *rsa.PublicKey {
	if any, err := x509.ParsePKIXPublicKey(der); err == nil {
		key, _ := any.(*rsa.PublicKey)
		return key
	}
	key, err := x509.ParsePKCS1PublicKey(der)
	if err != nil {
		return nil
	}
	return key
}
