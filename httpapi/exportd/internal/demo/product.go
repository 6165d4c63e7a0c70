package demo

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"strings"
)

type product struct {
	name, description, tags string
	price, weight           float64
}

// products returns what Acme Foods sells: each flavour of each kind.
func products() []product {
	flavours := []string{
		"Wild Blueberry", "Crème Brûlée", "Jalapeño", "Salted Caramel", "抹茶", "Äpfel & Zimt",
		"Smoked Paprika", "Piña Colada", "Dark Chocolate", "Śliwka", "Maple Walnut", "Lemon",
	}
	kinds := []string{"Granola", "Tea", "Jam", "Crackers", "Yoghurt", "Ice Cream", "Syrup", "Popcorn", "Oat Bar", "Honey"}
	var all []product
	for f, flavour := range flavours {
		for k, kind := range kinds {
			tags, err := json.Marshal([]string{strings.ToLower(kind), flavour, []string{"vegan", "gluten-free", "organic"}[(f+k)%3]})
			if err != nil {
				panic(err) // they are texts
			}
			all = append(all, product{
				name: flavour + " " + kind,
				description: fmt.Sprintf("Our %s in small batches, “%s” style.\n\nIngredients: %s, water, love.\n"+
					"Keep below %d °C. Best – naturally – within %d days.\n", strings.ToLower(kind), flavour, flavour, 8+f, 30+7*k),
				tags:   string(tags),
				price:  float64(199+37*k+5*f) / 100,
				weight: float64(125*(k%4+1)) / 1000,
			})
		}
	}
	return all
}

// picture draws a label as a PNG file, a different one for each n.
func picture(n int, round bool) []byte {
	const size = 96
	hue := func(shift int) color.Color {
		return color.RGBA{uint8(60 + (n*53+shift)%180), uint8(60 + (n*97+2*shift)%180), uint8(60 + (n*31+3*shift)%180), 255}
	}
	label := image.NewPaletted(image.Rect(0, 0, size, size), color.Palette{color.White, hue(0), hue(70), hue(140)})
	for y := range size {
		for x := range size {
			dx, dy := x-size/2, y-size/2
			inside := dx*dx+dy*dy < (30+n%12)*(30+n%12)
			if !round {
				inside = max(dx, -dx, dy, -dy) < 25+n%12
			}
			index := uint8(1)
			if inside {
				index = uint8(2 + (x/(3+n%5)+y/(4+n%7))%2)
			}
			if min(x, y, size-1-x, size-1-y) < 4 {
				index = 0
			}
			label.SetColorIndex(x, y, index)
		}
	}
	var out bytes.Buffer
	if err := png.Encode(&out, label); err != nil {
		panic(err) // neither the buffer nor the size can be wrong
	}
	return out.Bytes()
}
