"""The pages of the console, as a browser, a keyboard and a program without scripts meet them."""
