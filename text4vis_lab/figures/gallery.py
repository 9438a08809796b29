"""x"""


class Gallery: ...
