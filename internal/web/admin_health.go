package web

import (
	"cmp"
	"net/url"
	"slices"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/db"
	"sallyport/internal/fault"
	"sallyport/internal/record"
)

// A healthView tells how sign-ins have come out: in a sentence, in a plot, in a
// table, and by cause.
type healthView struct {
	Sentence string
	Bad      bool // sign-ins fail
	Days     bool // the plot is of days, not of hours
	Other    Link // the plot of the other
	Plot     plot
	Causes   []causeRow
	Ends     []endRow
}

// A plot is of bars that stand on a line, from the left to the right. Its lengths
// are those of an SVG of plotWidth by plotHeight.
type plot struct {
	Bars     []bar
	Most     int64 // in one bar
	Empty    bool
	Label    string // what it shows, in a sentence
	From, To string
}

type bar struct {
	X, Width           int
	GoodY, GoodHeight  int
	BadY, BadHeight    int
	Start              time.Time
	When               string
	Succeeded, Refused int64
}

// A causeRow is why sign-ins were refused, with one SSO profile.
type causeRow struct {
	What, Code, Profile string
	Count               int64
	Last                time.Time
	URL                 string // of the refused sign-ins
	Reference           string // of the latest of them, as far as it is kept
	ReferenceURL        string
}

// An endRow is something that ends.
type endRow struct {
	What, URL string
	At        time.Time
}

const (
	plotWidth, plotHeight = 560, 80
	plotHours             = 24
	plotDays              = 14
	shownCauses           = 5
	shownEnds             = 5
	causesFor             = 7 * 24 * time.Hour
)

// health reads how the organization's sign-ins have come out. It reads counts by
// the hour, whatever their number.
func (v *visit) health(f *AdminFrame) (h healthView, err error) {
	if err := v.web.Record.Flush(v.Context()); err != nil {
		return h, err
	}
	h.Days = v.URL.Query().Get("plot") == "days"
	var now time.Time
	var hours []record.Hour
	err = v.web.DB.View(v.Context(), func(tx *db.Tx) error {
		now = tx.Now()
		hours, err = record.Hours(tx, v.organization.ID, now.Add(-plotDays*24*time.Hour))
		return err
	})
	if err != nil {
		return h, err
	}
	h.Other = Link{f.T("health.days"), f.Base + "?plot=days"}
	if h.Days {
		h.Other = Link{f.T("health.hours"), f.Base}
	}
	h.Plot = f.plot(hours, now, h.Days)
	h.tell(f, hours, now)
	if h.Causes, err = v.causes(f, hours, now); err != nil {
		return h, err
	}
	h.Ends, err = v.ends(f)
	return h, err
}

// tell sums up the last day.
func (h *healthView) tell(f *AdminFrame, hours []record.Hour, now time.Time) {
	var good, bad int64
	for _, one := range hours {
		if one.Start.After(now.Add(-plotHours * time.Hour)) {
			g, b := outcome(&one)
			good, bad = good+g, bad+b
		}
	}
	switch {
	case good+bad == 0:
		h.Sentence = f.T("health.none")
	case bad == 0:
		h.Sentence = f.T("health.all", f.Number(good))
	case bad > good:
		h.Sentence, h.Bad = f.T("health.most_fail", f.Number(bad), f.Number(good+bad)), true
	default:
		h.Sentence = f.T("health.some", f.Number(bad), f.Number(good+bad))
	}
}

func outcome(one *record.Hour) (good, bad int64) {
	if one.Outcome == record.Refused {
		return 0, one.Attempts
	}
	return one.Attempts, 0
}

// plot draws a bar for each hour of a day, or each day of two weeks, by UTC.
func (f Frame) plot(hours []record.Hour, now time.Time, days bool) plot {
	n, step, layout, key := plotHours, time.Hour, "15:04", "health.plot_hours"
	if days {
		n, step, layout, key = plotDays, 24*time.Hour, "2006-01-02", "health.plot_days"
	}
	first := now.UTC().Truncate(step).Add(-time.Duration(n-1) * step)
	p := plot{Bars: make([]bar, n)}
	for i := range p.Bars {
		b := &p.Bars[i]
		b.Start = first.Add(time.Duration(i) * step)
		b.When = b.Start.Format(layout)
	}
	var good, bad int64
	for _, one := range hours {
		i := int(one.Start.Sub(first) / step)
		if one.Start.Before(first) || i >= n {
			continue
		}
		g, b := outcome(&one)
		good, bad = good+g, bad+b
		p.Bars[i].Succeeded, p.Bars[i].Refused = p.Bars[i].Succeeded+g, p.Bars[i].Refused+b
		p.Most = max(p.Most, p.Bars[i].Succeeded+p.Bars[i].Refused)
	}
	p.Empty, p.Label = p.Most == 0, f.T(key, f.Number(good), f.Number(bad))
	p.From, p.To = p.Bars[0].When, p.Bars[n-1].When
	for i := range p.Bars {
		p.Bars[i].draw(i, n, p.Most)
	}
	return p
}

// draw puts a bar into its place: below what succeeded, above what was refused.
// What is there is seen, however little it is.
func (b *bar) draw(i, n int, most int64) {
	if most == 0 {
		return
	}
	const gap = 3
	length := func(count int64) int {
		if count == 0 {
			return 0
		}
		return max(2, int(count*(plotHeight-2)/most))
	}
	b.X, b.Width = i*plotWidth/n, plotWidth/n-gap
	b.GoodHeight, b.BadHeight = length(b.Succeeded), length(b.Refused)
	b.GoodY = plotHeight - b.GoodHeight
	b.BadY = b.GoodY - b.BadHeight
}

// causes groups what was refused in the last days, the most frequent first.
func (v *visit) causes(f *AdminFrame, hours []record.Hour, now time.Time) (rows []causeRow, err error) {
	type cause struct {
		code    fault.Code
		profile string
	}
	counts, last := map[cause]int64{}, map[cause]time.Time{}
	for _, one := range hours {
		if one.Outcome != record.Refused || one.Start.Before(now.Add(-causesFor)) {
			continue
		}
		c := cause{one.Code, one.ProfileID}
		counts[c] += one.Attempts
		if one.Start.After(last[c]) {
			last[c] = one.Start
		}
	}
	all := make([]cause, 0, len(counts))
	for c := range counts {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b cause) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a.code, b.code), cmp.Compare(a.profile, b.profile))
	})
	names, err := v.profileNames()
	if err != nil {
		return nil, err
	}
	for _, c := range all[:min(len(all), shownCauses)] {
		what, _ := v.sentences(fault.New(c.code, ""))
		q := url.Values{"outcome": {string(record.Refused)}, "code": {string(c.code)}}
		if c.profile != "" {
			q.Set("profile", c.profile)
		}
		row := causeRow{What: what, Code: string(c.code), Profile: names[c.profile], Count: counts[c], Last: last[c], URL: f.Base + "/activity?" + q.Encode()}
		found, err := v.attempts(record.Query{Code: string(c.code), ProfileID: c.profile, Outcome: record.Refused, Limit: 1})
		if err != nil {
			return nil, err
		}
		if len(found) > 0 {
			row.Last, row.Reference, row.ReferenceURL = found[0].Time, found[0].ID, f.Base+"/activity/"+found[0].ID
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// profileNames are the names of the organization's SSO profiles, by their ids.
func (v *visit) profileNames() (map[string]string, error) {
	profiles, err := v.web.SSO.Profiles(v.Context(), v.actor(), v.organization.ID, all)
	names := make(map[string]string, len(profiles))
	for _, p := range profiles {
		names[p.ID] = p.Name
	}
	return names, err
}

// ends tells what ends next.
func (v *visit) ends(f *AdminFrame) (rows []endRow, err error) {
	if access.May(v.actor(), access.ActProfileRead, v.organization.ID) != access.Allowed {
		return nil, nil
	}
	found, err := v.web.SSO.Endings(v.Context(), v.actor(), v.organization.ID, shownEnds)
	for _, e := range found {
		key := "health.ends_certificate"
		if e.Ours {
			key = "health.ends_key"
		}
		rows = append(rows, endRow{f.T(key, e.Name), f.Base + "/sso/" + e.ProfileID + "/certificates", e.At})
	}
	return rows, err
}
