package web

import (
	"net/http"

	"sallyport/help"
	"sallyport/internal/fault"
)

// A guideView is an Identity Provider's guide as the template "guide" shows it,
// on a page whose view has it as Guide.
type guideView struct {
	Slug, Name string
	Sections   []help.Section
	Real       bool // the values are those of a profile, to be copied
}

// newGuide fills a guide with the values of a profile.
func newGuide(g help.Guide, v help.Values) guideView {
	return guideView{Slug: g.Slug, Name: g.Name, Sections: g.Blocks(v), Real: true}
}

type helpGuideView struct {
	HelpFrame
	Guide guideView
}

// helpGuide shows a guide with placeholders, to everybody.
func (w *Web) helpGuide(r *request) error {
	g, ok := help.GuideFor(r.PathValue("idp"))
	if !ok {
		return fault.New(fault.NotFound, "There is no such guide.")
	}
	v := helpGuideView{HelpFrame: HelpFrame{Frame: r.frame("help.title"), Up: Link{r.text("help.guides"), "/help/guides"}}}
	if _, err := r.visitor(); err != nil {
		return err
	}
	v.Title = v.T("guide.title", g.Name)
	v.Guide = newGuide(g, help.Placeholders(w.cfg.BaseURL))
	v.Guide.Real = false
	return r.render(http.StatusOK, "help_guide", v)
}
