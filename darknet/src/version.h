/* The engine's version: dn_version(). */
#ifndef DN_VERSION_H
#define DN_VERSION_H

#define DN_VERSION "0.1.0"

#endif
