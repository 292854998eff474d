package postgres

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/tickmark/tickmark/internal/collectors/wire"
)

const selectRules = `SELECT line_number::int8, type, database, user_name, address, netmask, auth_method, options, error FROM pg_hba_file_rules ORDER BY 1`

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// rule sets what one line of pg_hba.conf means.
func rule(f wire.Facts, kind, address, mask, method string) {
	network := kind != "local"
	if bits, ok := maskBits(mask); ok && address != "" {
		address = fmt.Sprintf("%s/%d", address, bits)
	}
	prefix, err := netip.ParsePrefix(address)
	f.Set("type", wire.Clip(kind))
	f.Set("address", wire.Clip(address))
	f.Set("any_address", network && (address == "all" || err == nil && prefix.Bits() == 0))
	f.Set("loopback", !network || err == nil && (prefix.Addr().Is4() && prefix.Addr().IsLoopback() && prefix.Bits() >= 8 || prefix.Addr().IsLoopback() && prefix.Bits() == 128))
	f.Set("method", wire.Clip(method))
	f.Set("refuses", method == "reject")
	f.Set("without_proof", method == "trust")
	f.Set("tls_demanded", kind == "hostssl" || kind == "hostgssenc")
}

// maskBits reads a netmask such as 255.255.0.0; false if it is none.
func maskBits(mask string) (int, bool) {
	a, err := netip.ParseAddr(mask)
	if err != nil {
		return 0, false
	}
	bits, over := 0, false
	for _, b := range a.AsSlice() {
		for i := 7; i >= 0; i-- {
			one := b>>i&1 == 1
			if one && over {
				return 0, false
			}
			over = over || !one
			if one {
				bits++
			}
		}
	}
	return bits, true
}

// optionNames leaves out what the options are set to: one may be a password.
func optionNames(options []string) []string {
	out := []string{}
	for _, o := range options {
		name, _, _ := strings.Cut(o, "=")
		out = append(out, name)
	}
	slices.Sort(out)
	return wire.ClipAll(out)
}

const (
	selectSlots = `SELECT slot_name::text, slot_type, active, CASE WHEN restart_lsn IS NOT NULL AND NOT pg_is_in_recovery()
			THEN pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::bigint END, %s, coalesce(active_pid, 0)::int8
		FROM pg_replication_slots ORDER BY slot_name`
	selectReplicas = `SELECT r.pid::int8, r.application_name, coalesce(r.state, ''), coalesce(r.sync_state IN ('sync', 'quorum'), false), coalesce(s.ssl, false) OR coalesce(g.encrypted, false),
			CASE WHEN r.replay_lsn IS NOT NULL AND NOT pg_is_in_recovery() THEN pg_wal_lsn_diff(pg_current_wal_lsn(), r.replay_lsn)::bigint END
		FROM pg_stat_replication r LEFT JOIN pg_stat_ssl s ON s.pid = r.pid LEFT JOIN pg_stat_gssapi g ON g.pid = r.pid ORDER BY r.pid`
)

// replicas reads who follows this server, and for whom it keeps its log.
func (l *look) replicas(ctx context.Context) error {
	shelf := &wire.Shelf{Kind: "database_replica", Most: maxReplicas}
	remedy := fmt.Sprintf(monitor, quote(l.role))
	if !l.stats {
		reason := fmt.Sprintf("the sessions of others are not shown to %s", wire.Clip(l.role))
		shelf.Empty(l.in, reason, remedy)
		l.server.Blind(l.in, "database_server", reason, remedy, "replicas")
		return nil
	}
	found := map[int64]wire.Facts{}
	names := map[int64]string{}
	_, err := l.each(ctx, selectReplicas, nil, maxReplicas+1, func(scan func(...any) error) error {
		var (
			pid         int64
			name, state string
			sync, tls   bool
			lag         *int64
		)
		if err := scan(&pid, &name, &state, &sync, &tls, &lag); err != nil {
			return err
		}
		f := wire.NewFacts()
		f.Set("name", wire.Clip(name))
		f.Set("connected", true)
		f.Set("state", wire.Clip(state))
		f.Set("slot", false)
		f.Set("synchronous", sync)
		f.Set("tls", tls)
		if lag != nil {
			f.Set("lag_bytes", *lag)
		}
		f.Unsaid("the replica has not said how far it is", "lag_bytes")
		found[pid], names[pid] = f, name
		return nil
	})
	if err == nil {
		l.server.Set("replicas", len(found))
		err = l.slots(ctx, shelf, found, names)
	}
	if reason, remedy, ok := l.why(err, "who follows this server", remedy); ok {
		shelf.Empty(l.in, reason, remedy)
		l.server.Blind(l.in, "database_server", reason, remedy, "replicas")
		return nil
	}
	if err != nil {
		return err
	}
	return shelf.HandOver(l.in)
}

// slots joins what is kept for a replica with the replica that uses it.
func (l *look) slots(ctx context.Context, shelf *wire.Shelf, found map[int64]wire.Facts, names map[int64]string) error {
	lost := `false`
	if l.major >= 13 {
		lost = `coalesce(wal_status = 'lost', false)`
	}
	_, err := l.each(ctx, fmt.Sprintf(selectSlots, lost), nil, maxReplicas+1, func(scan func(...any) error) error {
		var (
			name, kind   string
			active, gone bool
			kept         *int64
			pid          int64
		)
		if err := scan(&name, &kind, &active, &kept, &gone, &pid); err != nil {
			return err
		}
		f, connected := found[pid]
		if !connected {
			f = wire.NewFacts()
			f.Set("name", wire.Clip(name))
			f.Set("connected", active)
			f.Set("state", "")
			f.Unsaid("nobody follows by this slot", "synchronous", "tls", "lag_bytes")
		}
		delete(found, pid)
		f.Set("slot", true)
		f.Set("slot_kind", wire.Clip(kind))
		f.Set("lost", gone)
		if kept != nil {
			f.Set("retained_bytes", *kept)
		}
		f.Unsaid("the slot keeps nothing yet", "retained_bytes")
		shelf.Add(f, wire.Clip("slot "+name))
		return nil
	})
	if err != nil {
		return err
	}
	for _, pid := range slices.Sorted(maps.Keys(found)) {
		found[pid].Unsaid("no slot is kept for it", "slot_kind", "retained_bytes", "lost")
		shelf.Add(found[pid], wire.Clip("replica "+names[pid]))
	}
	return nil
}
