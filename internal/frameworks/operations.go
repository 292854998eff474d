package frameworks

import (
	"sync"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/op"
)

// Shipped is the catalogue that is part of the program, read once.
var Shipped = sync.OnceValues(Load)

// Everything that can be asked of the catalogue.
var (
	List     = op.Read("criteria.list", "List the 61 trust services criteria with our titles and sentences.", auth.CriteriaRead, list)
	Get      = op.Read("criteria.get", "Show a criterion.", auth.CriteriaRead, get)
	Editions = op.Read("catalogues.list", "List the editions of the criteria that this program knows.", auth.CriteriaRead, editions)

	Operations = []op.Operation{List, Get, Editions}
)

// Wanted narrows the list of criteria.
type Wanted struct {
	Catalogue string `json:"catalogue,omitempty" doc:"The edition; the current one if left out."`
	Category  string `json:"category,omitempty" doc:"Only the criteria of one category."`
}

func list(_ *op.Call, in Wanted) (op.Page[Criterion], error) {
	v, err := edition(in.Catalogue)
	if err != nil {
		return op.Page[Criterion]{}, err
	}
	if in.Category != "" {
		if _, err := v.InScope([]string{in.Category}); err != nil {
			return op.Page[Criterion]{}, err
		}
	}
	out := op.Page[Criterion]{Items: []Criterion{}}
	for _, c := range v.Criteria() {
		if in.Category == "" || c.Category == in.Category {
			out.Items = append(out.Items, c)
		}
	}
	out.Total = int64(len(out.Items))
	return out, nil
}

func edition(id string) (*Version, error) {
	cat, err := Shipped()
	if err != nil {
		return nil, err
	}
	if id == "" {
		return cat.Current(), nil
	}
	return cat.Version(id)
}

// Ref names a criterion.
type Ref struct {
	ID string `json:"id" doc:"The criterion's code, such as CC6.1."`
}

func get(_ *op.Call, in Ref) (Criterion, error) {
	cat, err := Shipped()
	if err != nil {
		return Criterion{}, err
	}
	return cat.Criterion(in.ID)
}

// Edition is a version of the catalogue, without its criteria.
type Edition struct {
	ID          string `json:"id"`
	Title       string `json:"title"`
	InForceFrom string `json:"in_force_from"`
	Criteria    int    `json:"criteria"`
}

func editions(_ *op.Call, _ op.None) (op.Page[Edition], error) {
	cat, err := Shipped()
	if err != nil {
		return op.Page[Edition]{}, err
	}
	out := op.Page[Edition]{Items: []Edition{}}
	for _, v := range cat.Versions() {
		out.Items = append(out.Items, Edition{v.ID, v.Title, v.InForceFrom, len(v.Criteria())})
	}
	out.Total = int64(len(out.Items))
	return out, nil
}
