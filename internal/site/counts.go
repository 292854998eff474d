package site

// count puts figures into the sidebar: those that every page has, and those that
// this page has worked out anyway. They are of now, so that a page of another day
// has none; and where they cannot be had the page comes without them.
func (v *Visit) count(s *Shell) {
	if !s.At.IsZero() || v.Web.Counts == nil {
		return
	}
	have, err := v.Web.Counts(v.Context(), v.Desk)
	if err != nil {
		v.Log.Debug("page: the sidebar is not counted", "err", err)
	}
	for _, g := range s.Nav {
		for i := range g.Items {
			n, ok := s.Counts[g.Items[i].Href]
			if !ok && err == nil {
				n, ok = have[g.Items[i].Href]
			}
			if ok {
				g.Items[i].Count = Count(n)
			}
		}
	}
}
