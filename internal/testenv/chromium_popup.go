package testenv

import (
	"context"
	"errors"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// Popup clicks a control that opens a tab of its own, and returns that tab once
// it has come to another site or page than the empty one. What it did before
// then, [Page.Response] and [Page.Requested] do not know.
func (p *Page) Popup(control string) *Page {
	p.t.Helper()
	before := map[target.ID]bool{}
	infos, err := chromedp.Targets(p.ctx)
	p.check(err, "Popup(%q)", control)
	for _, i := range infos {
		before[i.TargetID] = true
	}
	p.Click(control)
	ctx, cancel := p.deadline()
	defer cancel()
	own := chromedp.FromContext(p.ctx).BrowserContextID
	var found *target.Info
	err = p.poll(ctx, func() error {
		infos, err := chromedp.Targets(p.ctx)
		if err != nil {
			return err
		}
		for _, i := range infos {
			if i.Type == "page" && !before[i.TargetID] && (own == "" || i.BrowserContextID == cdp.BrowserContextID(own)) && i.URL != "" && i.URL != "about:blank" {
				found = i
				return nil
			}
		}
		return errors.New("no tab was opened")
	})
	p.check(err, "Popup(%q)", control)
	popup := p.browser.open(p.t, chromedp.WithTargetID(found.TargetID))
	popup.check(popup.arrive(), "Popup(%q)", control)
	return popup
}

// arrive learns where a tab is that was attached to after it had gone there.
func (p *Page) arrive() error {
	ctx, cancel := context.WithTimeout(p.ctx, p.timeout)
	defer cancel()
	return p.poll(ctx, func() error {
		var at struct{ URL, State string }
		if err := p.evaluate(ctx, `({URL: location.href, State: document.readyState})`, &at); err != nil {
			return err
		}
		if at.State != "complete" {
			return errors.New("the page is still loading")
		}
		p.loads.mu.Lock()
		defer p.loads.mu.Unlock()
		p.loads.url = at.URL
		return nil
	})
}
