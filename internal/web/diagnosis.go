package web

import (
	"sallyport/help"
	"sallyport/internal/record"
)

// A diagnosis is what the template "diagnosis" shows: what was wrong with a
// sign-in, on which side, and what to change in which field. It is empty where
// nothing was wrong.
type diagnosis struct {
	Where string // in which product, or here
	Why   string // in English; it may hold what a sender wrote
	Field string
	Label string // of the field
	Text  string // in English
	Guide Link   // of the product, where something has to change there
}

// diagnosis puts into words where something has to change.
func (f Frame) diagnosis(idp string, d *record.Diagnosis) diagnosis {
	v := diagnosis{Why: abridgeTo(d.Why, shownWhy), Field: d.Field, Label: f.T("test.field"), Text: d.Fix}
	g, known := help.GuideFor(idp)
	switch {
	case d.Side == help.TheirSide && (!known || g.Slug == "other"):
		v.Where = f.T("test.change_there")
	case d.Side == help.TheirSide:
		v.Where, v.Guide = f.T("test.change_in", g.Name), Link{f.T("guide.title", g.Name), "/help/guides/" + g.Slug}
	case d.Side == help.UserSide:
		v.Where = f.T("test.change_user")
	default:
		v.Where = f.T("test.change_here")
	}
	return v
}
