// Beast's one compilation.
#include "http/beast.h"

#include <boost/beast/src.hpp>
