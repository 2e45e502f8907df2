package testenv

import (
	"fmt"
	"strings"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// pageKeys are the keys of [Page.Press] by their names on a keyboard.
var pageKeys = map[string]string{
	"Tab": kb.Tab, "Enter": kb.Enter, "Space": " ", "Escape": kb.Escape,
}

// Press presses keys, one after the other, on whatever has the focus: Tab,
// Shift+Tab, Enter, Space or Escape. Like a click, it returns when a page that
// the key opened has loaded.
func (p *Page) Press(keys ...string) {
	p.t.Helper()
	for _, name := range keys {
		p.check(p.press(name), "Press(%q)", name)
	}
}

// Type types text into the field that has the focus.
func (p *Page) Type(text string) {
	p.t.Helper()
	ctx, cancel := p.deadline()
	defer cancel()
	err := chromedp.Do(ctx, chromiumSend(input.InsertText, input.InsertTextParams{Text: text}))
	p.check(err, "Type(…)")
}

func (p *Page) press(name string) error {
	ctx, cancel := p.deadline()
	defer cancel()
	plain, shifted := strings.CutPrefix(name, "Shift+")
	key, ok := pageKeys[plain]
	if !ok {
		return fmt.Errorf("no key is called %s here", plain)
	}
	var options []chromedp.KeyOption
	if shifted {
		options = append(options, chromedp.KeyModifiers(chromedp.ModifierShift))
	}
	if err := chromedp.Do(ctx, chromedp.KeyEvent(key, options...)); err != nil {
		return err
	}
	return p.settle(ctx)
}
