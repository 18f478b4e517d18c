package main

import (
	"fmt"
	"image/color"
	"math"
	"os"
	"path/filepath"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"

	"github.com/opengradient/opengradient/testutil/schedsim/sim"
)

// Size of a plot, and the most points of a line: a picture does not show more, and the files stay small.
const (
	plotWidth  = 16 * vg.Centimeter
	plotHeight = 9 * vg.Centimeter
	mostPoints = 400
)

// colours tell series apart, also in grey.
var colours = []color.Color{
	color.RGBA{R: 0x1b, G: 0x5e, B: 0xa8, A: 0xff}, color.RGBA{R: 0xd9, G: 0x5f, B: 0x02, A: 0xff}, color.RGBA{R: 0x4d, G: 0xaf, B: 0x4a, A: 0xff},
}

// series is a named line or cloud of points.
type series struct {
	name   string
	points plotter.XYs
}

// picture is a plot.
type picture struct {
	file, title, x, y string
	series            []series
	scatter, log      bool
}

// plot draws the pictures of the document.
func (f figures) plot(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	middle := f.steady[len(f.steady)/2]
	price := picture{file: "price", title: "Base price under a steady load", x: "block", y: "uopg per compute unit", log: true}
	for _, c := range f.steady {
		price.series = append(price.series, series{fmt.Sprintf("%d nodes", c[0].Spec.Nodes.Count), path(c[0].Prices[:c[0].LastBlock])})
	}
	delay := picture{
		file: "delay", title: fmt.Sprintf("Delay to the verdict, %d nodes", middle[0].Spec.Nodes.Count), x: "blocks from the first attempt", y: "part of the requests",
	}
	leadership := picture{
		file: "leadership", title: fmt.Sprintf("Leadership, %d nodes", middle[0].Spec.Nodes.Count),
		x: "part by stake × useful capacity, %", y: "part of what was led, %", scatter: true,
	}
	for _, r := range middle {
		delay.series = append(delay.series, series{r.Policy, steps(r.Verdict.Distribution())})
		leadership.series = append(leadership.series, series{r.Policy, shares(r)})
	}
	for _, p := range []picture{
		price, delay, leadership,
		{file: "queue", title: "Waiting requests in a burst of 10,000", x: "block", y: "waiting after the block", series: []series{{"", path(floats(f.burst.Depth[:f.burst.LastBlock]))}}},
		{file: "burst", title: "Base price in a burst of 10,000", x: "block", y: "uopg per compute unit", series: []series{{"", path(f.burst.Prices[:f.burst.LastBlock])}}},
	} {
		if err := p.draw(dir); err != nil {
			return fmt.Errorf("plot of %s: %w", p.file, err)
		}
	}
	return nil
}

func (p picture) draw(dir string) error {
	chart := plot.New()
	chart.Title.Text, chart.X.Label.Text, chart.Y.Label.Text = p.title, p.x, p.y
	chart.Add(plotter.NewGrid())
	chart.X.Tick.Marker = plot.TickerFunc(ticks)
	chart.Y.Tick.Marker = plot.TickerFunc(ticks)
	if p.log {
		chart.Y.Scale, chart.Y.Tick.Marker = plot.LogScale{}, plot.TickerFunc(logTicks)
	}
	for i, s := range p.series {
		var drawn interface {
			plot.Plotter
			plot.Thumbnailer
		}
		if p.scatter {
			points, err := plotter.NewScatter(s.points)
			if err != nil {
				return err
			}
			points.Color, points.Radius = colours[i%len(colours)], vg.Points(1.5)
			drawn = points
		} else {
			line, err := plotter.NewLine(s.points)
			if err != nil {
				return err
			}
			line.Color, line.Width = colours[i%len(colours)], vg.Points(1)
			drawn = line
		}
		chart.Add(drawn)
		if s.name != "" {
			chart.Legend.Add(s.name, drawn)
		}
	}
	if p.scatter {
		even := plotter.NewFunction(func(x float64) float64 { return x })
		chart.Add(even)
		chart.Legend.Top, chart.Legend.Left = true, true
	}
	return chart.Save(plotWidth, plotHeight, filepath.Join(dir, "scheduling-"+p.file+".svg"))
}

// ticks are those of the library, with labels that need no decimals in groups of three digits.
func ticks(least, most float64) []plot.Tick {
	ticks := plot.DefaultTicks{}.Ticks(least, most)
	for i, tick := range ticks {
		if tick.Label != "" && tick.Value == math.Trunc(tick.Value) && most > 10 {
			ticks[i].Label = thousands(int(tick.Value))
		}
	}
	return ticks
}

// logTicks are at 1, 2 and 5 times each power of ten.
func logTicks(least, most float64) []plot.Tick {
	var ticks []plot.Tick
	for decade := 1.0; decade <= most; decade *= 10 {
		for _, digit := range []float64{1, 2, 5} {
			if value := digit * decade; value >= least && value <= most {
				ticks = append(ticks, plot.Tick{Value: value, Label: thousands(int(value))})
			}
		}
	}
	return ticks
}

// path draws values by block, thinned to what a picture shows: of each stretch its mean.
func path(values []float64) plotter.XYs {
	stretch := (len(values) + mostPoints - 1) / mostPoints
	var points plotter.XYs
	for from := 0; from < len(values); from += stretch {
		part := values[from:min(from+stretch, len(values))]
		sum := 0.0
		for _, value := range part {
			sum += value
		}
		points = append(points, plotter.XY{X: float64(from) + float64(len(part)+1)/2, Y: sum / float64(len(part))})
	}
	return points
}

// lastDelay is the longest delay that a picture shows.
const lastDelay = 14

// steps draws a distribution over whole blocks.
func steps(distribution []float64) plotter.XYs {
	var points plotter.XYs
	for blocks := range lastDelay {
		part := 1.0
		if blocks < len(distribution) {
			part = distribution[blocks]
		}
		points = append(points, plotter.XY{X: float64(blocks), Y: part}, plotter.XY{X: float64(blocks + 1), Y: part})
	}
	return points
}

// shares are the parts of the leadership of each node against those that it is entitled to.
func shares(r *sim.Result) plotter.XYs {
	var led, entitled float64
	for _, node := range r.Nodes {
		led, entitled = led+node.Led, entitled+node.Entitled[sim.Useful]
	}
	var points plotter.XYs
	for _, node := range r.Nodes {
		points = append(points, plotter.XY{X: 100 * node.Entitled[sim.Useful] / entitled, Y: 100 * node.Led / math.Max(led, 1)})
	}
	return points
}

func floats(values []int) []float64 {
	result := make([]float64, len(values))
	for i, value := range values {
		result[i] = float64(value)
	}
	return result
}
