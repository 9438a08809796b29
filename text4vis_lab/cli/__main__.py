"""python -m text4vis_lab.cli classify video.mp4 --labels "juggling balls, archery" """

from .running import main

if __name__ == "__main__":
    main()
