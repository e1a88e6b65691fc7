# SPDX-License-Identifier: GPL-2.0
# bench.tsv, made into columns by plot.sh, as an SVG: gnuplot -e "data='..'; out='..'; kernel='..'"
set terminal svg size 900,420 font "sans-serif,13" background "white"
set output out
set title "Instructions to close a socket, Linux ".kernel
set style data histogram
set style histogram clustered gap 1
set style fill solid 0.9 noborder
set boxwidth 0.9
set bmargin 3
set logscale y
set yrange [300:10000000]
set format y "10^{%L}"
set grid ytics lc rgb "#dddddd"
set key outside top center horizontal
set xtics nomirror scale 0
set datafile separator "\t"
set datafile missing "-"
plot data using 2:xtic(1) title "close(2)" lc rgb "#b0b0b0", \
     data using 3 title "user space without the module" lc rgb "#e0a030", \
     data using 4 title "closesocket, ioctl" lc rgb "#3070b0", \
     data using 5 title "closesocket, library" lc rgb "#70b0e0"
