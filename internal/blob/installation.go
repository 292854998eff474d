package blob

import (
	"context"
	"errors"

	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/seal"
)

const (
	insertInstallation = "INSERT INTO blob_installation (id, wrapped) VALUES (1, ?) ON CONFLICT (id) DO NOTHING"
	selectInstallation = "SELECT wrapped FROM blob_installation WHERE id = 1"
	updateInstallation = "UPDATE blob_installation SET wrapped = ? WHERE id = 1"
)

// installation is the name under which the installation's key is wrapped. No
// organization has it: their ids begin with org_ or eng_.
const installation = "installation"

// Installation is the key under which secrets of people are sealed, who belong
// to no single organization. It is made when it is first asked for.
func (v *Vault) Installation(ctx context.Context) (k *seal.OrgKey, err error) {
	err = v.db.Read(ctx, db.All, func(tx *db.Tx) error {
		k, err = v.installed(tx)
		return err
	})
	if errors.Is(err, db.ErrNone) {
		err = v.db.Write(ctx, db.All, func(tx *db.Tx) error {
			k, err = v.InstallationIn(tx)
			return err
		})
	}
	return k, err
}

// InstallationIn is the same inside a transaction that writes.
func (v *Vault) InstallationIn(tx *db.Tx) (*seal.OrgKey, error) {
	k, err := v.installed(tx)
	if !errors.Is(err, db.ErrNone) {
		return k, err
	}
	_, wrapped, err := v.root.NewOrgKey(installation)
	if err != nil {
		return nil, err
	}
	if _, err := tx.Exec(insertInstallation, wrapped); err != nil {
		return nil, err
	}
	// Another process may have been quicker. It is kept in memory only once
	// somebody has read it: this transaction may yet be undone.
	if err := tx.Row(selectInstallation, nil, &wrapped); err != nil {
		return nil, err
	}
	return v.root.OpenOrgKey(installation, wrapped)
}

func (v *Vault) installed(tx *db.Tx) (*seal.OrgKey, error) {
	if k, ok := v.keys.Load(installation); ok {
		return k.(*seal.OrgKey), nil
	}
	var wrapped []byte
	if err := tx.Row(selectInstallation, nil, &wrapped); err != nil {
		return nil, err
	}
	return v.root.OpenOrgKey(installation, wrapped)
}

// RewrapInstallation wraps that key by the newest root key. What it seals stays
// as it is.
func (v *Vault) RewrapInstallation(ctx context.Context) error {
	return v.db.Write(ctx, db.All, func(tx *db.Tx) error {
		var was []byte
		err := tx.Row(selectInstallation, nil, &was)
		if errors.Is(err, db.ErrNone) {
			return nil
		}
		if err != nil {
			return err
		}
		wrapped, err := v.root.RewrapOrgKey(installation, was)
		if err != nil || wrapped == nil {
			return err
		}
		_, err = tx.Exec(updateInstallation, wrapped)
		return err
	})
}
