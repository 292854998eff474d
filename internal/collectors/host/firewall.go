package host

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// firewall reads whether traffic to this machine is filtered: from the rules
// that are loaded, where they can be read, else from the files that load them.
func (l *look) firewall(ctx context.Context) error {
	fields := []string{"firewall_active", "firewall_kind", "firewall_source", "default_inbound_deny"}
	if l.inContainer() != "" {
		l.hostOnly("the firewall", fields...)
		return nil
	}
	set, kind, err := l.loadedRules(ctx)
	if err == nil {
		l.fromRules(set, kind)
		return nil
	}
	if l.fromFiles() {
		return nil
	}
	reason, remedy := err.Error(), ""
	switch {
	case !l.tree.live():
		reason = "only files are read, and no firewall is configured in those"
	case errors.Is(err, errNoTool):
		reason = "no program that shows the rules (nft, iptables) is installed"
		remedy = map[string]string{familyDebian: "sudo apt install nftables", familyRedHat: "sudo dnf install nftables", familyAlpine: "sudo apk add nftables"}[l.distro.family()]
	case l.euid != 0:
		reason, remedy = fmt.Sprintf("the loaded rules can be read by root only; this run has user id %d", l.euid), asRoot
	}
	l.blind(l.machine, "machine", reason, remedy, fields...)
	return nil
}

// loadedRules asks the kernel through nft, which also shows what newer
// iptables load, and through iptables for what older ones do.
func (l *look) loadedRules(ctx context.Context) (ruleset, string, error) {
	set, kind := ruleset{chains: map[string]*chain{}}, "none"
	out, nftErr := l.ask(ctx, "nft")
	if nftErr == nil {
		l.raw("nft-ruleset", out)
		set = parseNft(out)
		kind = kindOf(set, "nftables")
	}
	_, has4 := l.installed("iptables")
	if !has4 || nftErr == nil && kind != "none" {
		return set, l.named(kind), nftErr
	}
	v4, err := l.ask(ctx, "iptables")
	if err != nil {
		// With an empty answer of nft there may still be rules of the old kind.
		return set, "", err
	}
	v6, err := l.ask(ctx, "ip6tables")
	if err != nil && l.hasIPv6() {
		return set, "", err
	}
	l.raw("iptables", v4)
	l.raw("ip6tables", v6)
	set.parseIptables(v4, "ip")
	set.parseIptables(v6, "ip6")
	return set, l.named(kindOf(set, "iptables")), nil
}

// kindOf names what manages a set of rules, by the names it gives them.
func kindOf(set ruleset, plain string) string {
	kind := "none"
	for _, c := range set.chains {
		switch {
		case c.table == "firewalld":
			return "firewalld"
		case strings.HasPrefix(c.name, "ufw-") || strings.HasPrefix(c.name, "ufw6-"):
			return "ufw"
		case c.input && (c.deny || len(c.rules) > 0):
			kind = plain
		}
	}
	return kind
}

// named prefers what runs over what its rules are called.
func (l *look) named(kind string) string {
	if _, runs := l.procs.running("firewalld"); runs && kind != "none" {
		return "firewalld"
	}
	return kind
}

func (l *look) fromRules(set ruleset, kind string) {
	active4, deny4 := set.guards("ip")
	active6, deny6 := set.guards("ip6")
	if !l.hasIPv6() {
		active6, deny6 = active4, deny4
	}
	m := l.machine
	m.set("firewall_kind", kind)
	m.set("firewall_active", active4 || active6)
	m.set("default_inbound_deny", deny4 && deny6)
	m.set("firewall_source", "rules")
}

// hasIPv6 reports whether an interface besides loopback has an IPv6 address.
func (l *look) hasIPv6() bool {
	data, err := l.tree.read("/proc/net/if_inet6", maxText)
	if err != nil {
		return !notThere(err)
	}
	for _, line := range lines(data) {
		if words := strings.Fields(line); words[len(words)-1] != "lo" {
			return true
		}
	}
	return false
}

// fromFiles reads what is loaded at start, from files that every user may
// read. It reports whether they say anything.
func (l *look) fromFiles() bool {
	m := l.machine
	if settings, err := l.tree.read("/etc/ufw/ufw.conf", maxText); err == nil && strings.EqualFold(unquote(parseEquals(settings)["ENABLED"]), "yes") {
		m.set("firewall_kind", "ufw")
		m.set("firewall_active", true)
		m.set("firewall_source", "configuration")
		defaults, err := l.tree.read("/etc/default/ufw", maxText)
		if err != nil {
			l.blind(m, "machine", l.why("/etc/default/ufw", err), l.rights(err), "default_inbound_deny")
			return true
		}
		values := parseEquals(defaults)
		policy := strings.ToUpper(unquote(values["DEFAULT_INPUT_POLICY"]))
		covers6 := strings.EqualFold(unquote(values["IPV6"]), "yes") || !l.hasIPv6()
		m.set("default_inbound_deny", (policy == "DROP" || policy == "REJECT") && covers6)
		return true
	}
	if l.enabled("nftables.service") {
		for _, name := range []string{"/etc/nftables.conf", "/etc/sysconfig/nftables.conf", "/etc/nftables.nft"} {
			data, err := l.tree.read(name, maxText)
			if err != nil {
				continue
			}
			set := parseNft(data)
			active4, deny4 := set.guards("ip")
			active6, deny6 := set.guards("ip6")
			if !active4 && !active6 {
				continue // it may include what it does not hold
			}
			l.raw(name, withoutComments(data))
			m.set("firewall_kind", "nftables")
			m.set("firewall_active", true)
			m.set("firewall_source", "configuration")
			if deny4 && (deny6 || !l.hasIPv6()) {
				m.set("default_inbound_deny", true)
			} else {
				l.blind(m, "machine", name+" alone does not show what is refused; the loaded rules can be read by root only", l.remedyForRoot(), "default_inbound_deny")
			}
			return true
		}
	}
	if _, runs := l.procs.running("firewalld"); runs {
		m.set("firewall_kind", "firewalld")
		m.set("firewall_active", true)
		m.set("firewall_source", "configuration")
		l.blind(m, "machine", "the rules of firewalld can be read by root only", l.remedyForRoot(), "default_inbound_deny")
		return true
	}
	return false
}
