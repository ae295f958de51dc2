// Beast's one compilation.
#include <boost/beast/src.hpp>

#include "http/beast.h"
