// SPDX-License-Identifier: LGPL-2.1-or-later
/* Prints our numbers, one "NAME value" a line, for NAMES of check.sh. */
#include <winsock2.h>
#include <stdio.h>

int main(void)
{
#define NAME(name) printf("%s %d\n", #name, (int)(name))
	NAMES;
	return 0;
}
