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

// guideLinks leads to all guides, in their order.
func guideLinks() (links []Link) {
	for _, g := range help.Guides() {
		links = append(links, Link{g.Name, "/help/guides/" + g.Slug})
	}
	return links
}

type helpGuidesView struct {
	HelpFrame
	Guides []Link
}

// helpGuides lists the guides.
func (w *Web) helpGuides(r *request) error {
	frame, err := r.helpFrame("help.guides", r.upToHelp())
	if err != nil {
		return err
	}
	return r.render(http.StatusOK, "help_guides", helpGuidesView{frame, guideLinks()})
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
	frame, err := r.helpFrame("help.title", Link{r.text("help.guides"), "/help/guides"})
	if err != nil {
		return err
	}
	v := helpGuideView{frame, newGuide(g, help.Placeholders(w.cfg.BaseURL))}
	v.Title, v.Guide.Real = v.T("guide.title", g.Name), false
	return r.render(http.StatusOK, "help_guide", v)
}
