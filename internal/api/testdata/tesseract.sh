#!/bin/sh
# A Tesseract that has two languages, and recognises nothing.
case $1 in
--version) echo tesseract 5.3.0 ;;
--list-langs) printf 'List of available languages:\neng\nosd\ndeu\n' ;;
*) exit 1 ;;
esac
